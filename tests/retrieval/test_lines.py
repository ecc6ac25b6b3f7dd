"""The lines of a page become paragraphs where they were broken only because they were full."""

from __future__ import annotations

import pytest

from retrieval.extract.lines import HYPHEN, unwrap

CHINESE = "检索增强生成先从文档里找出相关的段落再依据这些段落回答"
ENGLISH = "The retriever finds passages and the model answers"


@pytest.mark.parametrize(
    ("lines", "paragraphs"),
    [
        ([CHINESE, CHINESE, "结束。"], [CHINESE * 2 + "结束。"]),
        ([ENGLISH, ENGLISH, "from them."], [f"{ENGLISH} {ENGLISH} from them."]),
        ([CHINESE, "PDF 文件"], [CHINESE + "PDF 文件"]),
        (["标题", CHINESE, "末尾"], ["标题", CHINESE + "末尾"]),
        ([CHINESE + "。", CHINESE], [CHINESE + "。", CHINESE]),
        ([ENGLISH, "• an item", "• another"], [ENGLISH, "• an item", "• another"]),
        ([ENGLISH, "1.2 A section", ENGLISH], [ENGLISH, "1.2 A section", ENGLISH]),
        ([CHINESE, "第二章 开始"], [CHINESE, "第二章 开始"]),
        ([ENGLISH, "", ENGLISH], [ENGLISH, "", ENGLISH]),
        (["short", "lines", "of a table"], ["short", "lines", "of a table"]),
        (
            [f"Chapter{' .' * 30} 5", f"Other chapter{' .' * 27} 12", "x"],
            [f"Chapter{' .' * 30} 5", f"Other chapter{' .' * 27} 12", "x"],
        ),
        ([f"an inter{HYPHEN}national word", f"2019{HYPHEN}2020"], ["an international word", "2019-2020"]),
        ([f"{ENGLISH} {ENGLISH} inter{HYPHEN}national", ENGLISH, "end"], [f"{ENGLISH} {ENGLISH} international {ENGLISH} end"]),
        ([], []),
    ],
)
def test_full_lines_are_joined_and_others_are_not(lines: list[str], paragraphs: list[str]) -> None:
    assert unwrap("\r\n".join(lines)).rstrip("\n") == "\n".join(paragraphs)
