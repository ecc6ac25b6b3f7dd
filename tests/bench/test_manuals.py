"""Sections are read out of a manual's pages as they stand there."""

from pathlib import Path

from bench.manuals import manual

PAGE = """<html><body>
<div class="navheader"><p>Prev</p></div>
<div class="chapter"><div class="titlepage"><h1 class="title"><a id="_network"/>Chapter 5. Network setup</h1></div>
<div class="toc"><p>Table of Contents</p></div>
<p>Let us look at the basics. The {word} is
described here at some length, so that there is something to find.</p>
<div class="section"><h2 class="title"><a id="_names"/>5.1. Names</h2>
<p>Names are {word}s. They are told apart by their
endings and by nothing else in the world.</p><pre>a
  b</pre></div>
<div class="section"><h2 class="title"><a id="_empty"/>5.2. Empty</h2><p>Short.</p></div>
</div></body></html>"""


def test_a_section_has_its_title_without_a_number_and_its_own_text_without_what_is_inside(tmp_path: Path) -> None:
    folder = tmp_path / "debian-reference-en" / "usr/share/debian-reference"
    folder.mkdir(parents=True)
    (folder / "ch05.en.html").write_text(PAGE.format(word="host"))
    names, network = manual(tmp_path, "en")
    assert (network.anchor, network.title, network.first) == ("_network", "Network setup", "Let us look at the basics.")
    assert network.text == "The host is described here at some length, so that there is something to find."
    assert (names.anchor, names.title, names.first) == ("_names", "Names", "Names are hosts.")
    assert names.text == "They are told apart by their endings and by nothing else in the world.\na\nb"


def test_a_line_that_ends_within_a_chinese_sentence_leaves_no_space(tmp_path: Path) -> None:
    folder = tmp_path / "debian-reference-zh-cn" / "usr/share/debian-reference"
    folder.mkdir(parents=True)
    text = "我们从基础开始。主机的名称写在\n配置文件里，修改之后要重新启动网络服务，新的名称才会生效，这里有很多字，足够被找到。"
    (folder / "ch05.zh-cn.html").write_text(
        f'<div class="section"><h2 class="title"><a id="_names"></a>5.1. 名称</h2><p>{text}</p></div>'
    )
    (names,) = manual(tmp_path, "zh")
    assert names.first == "我们从基础开始。"
    assert names.text.startswith("主机的名称写在配置文件里")
