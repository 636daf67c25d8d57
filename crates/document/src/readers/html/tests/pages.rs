//! Pages as common tools write them, cut short.

use super::{page, text};

#[test]
fn pandoc() {
    let source = r##"<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head>
<meta charset="utf-8" /><meta name="author" content="Ada" /><title>Tides</title><style>code{white-space: pre-wrap;}</style></head>
<body><header id="title-block-header"><h1 class="title">Tides</h1><p class="author">Ada</p>
<div class="abstract"><div class="abstract-title">Abstract</div>Water moves.</div></header>
<nav id="TOC" role="doc-toc"><ul><li><a href="#a" id="toc-a">Causes</a></li></ul></nav>
<h2 id="a">Causes</h2><p>The ship sank<a href="#fn1" class="footnote-ref" id="fnref1" role="doc-noteref"><sup>1</sup></a> in 10<sup>6</sup> m<sup>2</sup>.</p>
<aside id="footnotes" class="footnotes footnotes-end-of-document" role="doc-endnotes"><hr />
<ol><li id="fn1"><p>In a storm.<a href="#fnref1" class="footnote-back" role="doc-backlink">↩︎</a></p></li></ol></aside></body></html>"##;
    assert_eq!(
        text(source),
        "Tides\n\nAda\n\nAbstract\nWater moves.\n\nCauses\n\nThe ship sank 1 in 10^6 m².\n\n1. In a storm."
    );
}

#[test]
fn readme_on_a_forge() {
    let source = r##"<html><body><a href="#start-of-content" class="p-3 show-on-focus">Skip to content</a>
<header role="banner"><nav aria-label="Global"><button aria-expanded="false">Product</button></nav></header>
<main><nav aria-label="Repository"><a href=x>Code</a></nav>
<article class="markdown-body entry-content"><div class="markdown-heading"><h1 class="heading-element">tide</h1>
<a id="user-content-tide" class="anchor" aria-label="Permalink: tide" href="#tide"><svg class="octicon" aria-hidden="true"><path d="m7.7 3"></path></svg></a></div>
<p><a href=ci><img src="b.svg" alt="Build status"></a> Foretells tides<sup><a href="#user-content-fn-1" data-footnote-ref>1</a></sup>.</p>
<div class="highlight highlight-source-shell"><pre>cargo install tide</pre><div class="zeroclipboard-container"><clipboard-copy aria-label="Copy" value="cargo install tide"><svg><path/></svg></clipboard-copy></div></div>
<table><thead><tr><th>Flag</th><th>What</th></tr></thead><tbody><tr><td><code>-n</code></td><td>count</td></tr></tbody></table>
</article></main><footer role="contentinfo"><h2 class="sr-only">Footer navigation</h2><ul aria-label="Footer navigation"><li><a href=t>Terms</a></li><li><a href=p>Privacy</a></li></ul></footer></body></html>"##;
    assert_eq!(
        text(source),
        "tide\n\nBuild status Foretells tides 1.\n\ncargo install tide\n\n| Flag | What |\n| --- | --- |\n| -n | count |\n\nFooter navigation\n"
    );
}

#[test]
fn article_of_an_encyclopedia() {
    let source = r##"<html><body><div id="mw-page-base" class="noprint"></div><div id="content" role="main">
<h1 id="firstHeading"><span class="mw-page-title-main">Tide</span></h1><div id="bodyContent">
<div id="contentSub"></div><a class="mw-jump-link" href="#mw-head">Jump to navigation</a>
<table class="infobox"><tbody><tr><th colspan="2">Tide</th></tr><tr><th>Period</th><td>12&#160;h</td></tr></tbody></table>
<p><b>Tides</b> rise<sup id="cite_ref-1" class="reference"><a href="#cite_note-1"><span class="cite-bracket">&#91;</span>1<span class="cite-bracket">&#93;</span></a></sup><sup class="noprint Inline-Template">[<i><a href="/wiki/x" title="needed">citation needed</a></i>]</sup> and fall.</p>
<div id="toc" class="toc" role="navigation"><h2>Contents</h2><ul><li><a href="#H"><span class="tocnumber">1</span> History</a></li></ul></div>
<h2><span class="mw-headline" id="H">History</span><span class="mw-editsection">[<a href="e">edit</a>]</span></h2>
<p>See <span style="display:none">hidden</span>CO<sub>2</sub>.</p>
<div class="reflist"><ol class="references"><li id="cite_note-1"><span class="mw-cite-backlink"><b><a href="#cite_ref-1">^</a></b></span> <span class="reference-text">Smith, 1901.</span></li></ol></div>
<div class="navbox" role="navigation"><a href=a>Waves</a></div></div></div></body></html>"##;
    assert_eq!(
        text(source),
        "Tide\n\nTide\nPeriod | 12 h\n\nTides rise [1] [citation needed] and fall.\n\nHistory\n\nSee CO₂.\n\n1. Smith, 1901."
    );
}

#[test]
fn documentation_sites() {
    let docusaurus = r##"<body><div role="region" aria-label="Skip to main content"><a class="skipToContent_fXgn" href="#__docusaurus_skipToContent_fallback">Skip to main content</a></div>
<nav class="navbar"><a href=/>Tide</a></nav><div class="main-wrapper"><aside class="theme-doc-sidebar-container"><nav class="menu"><ul><li><a href=a>Intro</a></li></ul></nav></aside>
<main><nav class="theme-doc-breadcrumbs"><ul class="breadcrumbs"><li>Docs</li></ul></nav><article><div class="theme-doc-markdown markdown"><header><h1>Intro</h1></header>
<h2 class="anchor" id="x">Set up<a href="#x" class="hash-link" aria-label="Direct link to Set up" title="Direct link to Set up">&#8203;</a></h2><p>Run it.</p>
<div class="codeBlockContent"><pre><code><span style="color:red">npm i</span><br></code></pre><div class="buttonGroup"><button type="button" aria-label="Copy code to clipboard" class="clean-btn"><span aria-hidden="true"><svg></svg></span></button></div></div></div></article>
<nav class="pagination-nav"><a href=n>Next</a></nav></main><div class="tableOfContents_bqdL thin-scrollbar"><ul class="table-of-contents"><li><a href="#x">Set up</a></li></ul></div></div></body>"##;
    assert_eq!(text(docusaurus), "Intro\n\nSet up\n\nRun it.\n\nnpm i");
    let sphinx = r##"<div class="related" role="navigation"><h3>Navigation</h3><ul><li><a href=i>index</a></li></ul></div>
<div class="document"><div class="body" role="main"><section id="tides"><h1>Tides<a class="headerlink" href="#tides" title="Link to this heading">¶</a></h1>
<div class="admonition note"><p class="admonition-title">Note</p><p>Since 3.2.</p></div>
<table class="highlighttable"><tr><td class="linenos"><div class="linenodiv"><pre><span>1</span></pre></div></td><td class="code"><pre>import tide</pre></td></tr></table>
<p>See <a class="reference internal" href="x.html#y"><span class="std std-ref">Moons</span></a>.</p></section></div>
<div class="sphinxsidebar" role="navigation"><h3><a href=i>Table of Contents</a></h3></div></div><div class="footer" role="contentinfo">© Copyright 2024, Ada.</div>"##;
    assert_eq!(
        text(sphinx),
        "Tides\n\nNote\n\nSince 3.2.\n\nimport tide\n\nSee Moons.\n\n© Copyright 2024, Ada."
    );
}

#[test]
fn questions_in_an_accordion() {
    let source = r##"<header><a class="navbar-brand" href="/"><img src=l.svg alt="Logo"></a><button class="navbar-toggler" aria-controls="nav" aria-expanded="false"><span class="sr-only">Toggle navigation</span></button></header>
<div class="accordion" id="faq"><div class="accordion-item"><h2 class="accordion-header"><button class="accordion-button collapsed" type="button" data-bs-toggle="collapse" data-bs-target="#c1" aria-expanded="false" aria-controls="c1">How do I return goods?</button></h2>
<div id="c1" class="accordion-collapse collapse" hidden><div class="accordion-body">Send them back within <strong>30</strong> days.</div></div></div></div>
<button class="accordion">Shipping</button><div class="panel" style="display:none" aria-hidden="false"><p>x</p></div><button class="btn btn-primary">Contact us</button>"##;
    assert_eq!(
        text(source),
        "How do I return goods?\n\nSend them back within 30 days.\nShipping"
    );
    assert_eq!(page(source).headings[0].text, "How do I return goods?");
}

#[test]
fn word_processor() {
    let source = r##"<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><meta charset=utf-8><title>Report</title><!--[if gte mso 9]><xml><o:x/></xml><![endif]--></head>
<body lang=EN-GB><div class=WordSection1><h1>Report<o:p></o:p></h1>
<p class=MsoNormal>The ship <b>sa</b>nk<a style='mso-footnote-id:ftn1' href="#_ftn1" name="_ftnref1" title=""><span class=MsoFootnoteReference><span style='mso-special-character:footnote'><![if !supportFootnotes]><span class=MsoFootnoteReference><span>[1]</span></span><![endif]></span></span></a>.<o:p></o:p></p>
<p class=MsoNormal><span style='display:none;mso-hide:all'>secret</span>Area: 5 m<sup>2</sup><o:p>&nbsp;</o:p></p></div>
<div style='mso-element:footnote-list'><![if !supportFootnotes]><br clear=all><hr align=left size=1 width="33%"><![endif]>
<div style='mso-element:footnote' id=ftn1><p class=MsoFootnoteText><a style='mso-footnote-id:ftn1' href="#_ftnref1" name="_ftn1" title=""><span class=MsoFootnoteReference>[1]</span></a> In a storm.</p></div></div></body></html>"##;
    assert_eq!(
        text(source),
        "Report\n\nThe ship sank [1].\n\nArea: 5 m²\n\n[1] In a storm."
    );
}
