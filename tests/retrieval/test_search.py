"""What a search finds, in either language and across them, and what its filters leave."""

from datetime import UTC, date, datetime

import pytest

from retrieval.errors import TopicNotFound
from retrieval.models import Topic
from retrieval.search import SearchRequest, search
from tests.retrieval.shelf import person, store

pytestmark = pytest.mark.django_db

NETWORK_ZH = "网络接口的静态地址写在配置文件里。修改之后要重新启动网络服务，新的地址才会生效。"
COOKING_ZH = "红烧肉要用小火慢炖一个小时。先把五花肉切成块，用冷水煮开，再加酱油和冰糖。"
NETWORK_EN = "The static address of a network interface is written in its configuration file. Restart the network afterwards."
COOKING_EN = "Braise the pork over a low flame for an hour. Cut the belly into cubes first, then add soy sauce and rock sugar."
TYPES = ("hybrid", "semantic", "keyword")


@pytest.fixture
def alice():
    alice = person("alice")
    for title, text in {"nzh": NETWORK_ZH, "czh": COOKING_ZH, "nen": NETWORK_EN, "cen": COOKING_EN}.items():
        store(alice, text, title=title)
    return alice


def titles(principal, query, **fields):
    return [hit.title for hit in search(principal=principal, request=SearchRequest(query=query, **fields)).hits]


@pytest.mark.parametrize("search_type", TYPES)
@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("怎样配置网络接口的静态地址？", "nzh"),
        ("红烧肉要炖多久", "czh"),
        ("static address of an interface", "nen"),
        ("how to braise pork", "cen"),
    ],
)
def test_a_question_finds_its_answer_in_its_own_language(alice, search_type, query, best):
    assert titles(alice, query, search_type=search_type)[0] == best


@pytest.mark.parametrize("search_type", ["hybrid", "semantic"])
@pytest.mark.parametrize(
    ("query", "both"), [("网络接口的静态地址", {"nzh", "nen"}), ("braise pork with soy sauce", {"czh", "cen"})]
)
def test_a_question_finds_its_answer_in_the_other_language_before_anything_else(alice, search_type, query, both):
    assert set(titles(alice, query, search_type=search_type)[:2]) == both


def test_scores_lie_between_0_and_1_best_first_and_a_threshold_leaves_out_the_lower(alice):
    request = SearchRequest(query="网络接口的静态地址")
    found = search(principal=alice, request=request)
    scores = [hit.score for hit in found.hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)
    assert found.total == len(scores) == 4
    between = (scores[0] + scores[1]) / 2
    assert titles(alice, request.query, threshold=between) == [found.hits[0].title]
    assert titles(alice, request.query, threshold=1.0) == []


def test_a_hit_says_where_it_stands_in_which_version_of_which_document(alice):
    page_starts = [0, 1000]
    text = "A" * 999 + "\n" + NETWORK_EN.replace("static", "dynamic")
    document = store(alice, text, title="paged", page_starts=page_starts, extension="pdf")
    hit = search(principal=alice, request=SearchRequest(query="dynamic address", document_ids=(document.pk,))).hits[0]
    assert (hit.document_id, hit.document_uuid, hit.document_version) == (document.pk, document.uuid, 1)
    assert (hit.title, hit.file_type, hit.page) == ("paged", "pdf", 2)
    assert hit.text == text[hit.start : hit.end]


def test_filters_leave_topics_documents_types_and_days(alice):
    topic = Topic.objects.create(owner_id=alice.user_id, name="Net")
    inside = store(alice, NETWORK_EN + " Inside.", title="inside", topic=topic, extension="pdf")
    store(alice, NETWORK_EN + " Old.", title="old", written_at=datetime(2020, 5, 17, 12, tzinfo=UTC))
    ask = "static address of a network interface"
    assert titles(alice, ask, topic_ids=(topic.pk,)) == ["inside"]
    assert titles(alice, ask, topic_ids=()) == []
    assert titles(alice, ask, extensions=("pdf",)) == ["inside"]
    assert titles(alice, ask, document_ids=(inside.pk,)) == ["inside"]
    assert titles(alice, ask, written_from=date(2020, 5, 17), written_to=date(2020, 5, 17)) == ["old"]
    assert "old" not in titles(alice, ask, written_from=date(2020, 5, 18))
    assert titles(alice, ask, written_to=date(2020, 5, 16)) == []
    assert "old" in titles(alice, ask, written_from=date.min, written_to=date.max)
    both = titles(alice, ask, topic_ids=(topic.pk,), document_ids=(inside.pk + 1,))
    assert sorted(both) == ["inside", "old"]


def test_a_topic_that_is_not_there_is_refused(alice):
    with pytest.raises(TopicNotFound):
        search(principal=alice, request=SearchRequest(query="network", topic_ids=(999_999,)))


def test_no_more_than_asked_for_comes_back_and_the_total_says_how_many_there_are(alice):
    found = search(principal=alice, request=SearchRequest(query="network address", most=1))
    assert (len(found.hits), found.total) == (1, 4)


def test_what_is_not_read_yet_is_not_found(alice):
    document = store(alice, "Quicksilver boils at 357 degrees.", title="new")
    type(document).objects.filter(pk=document.pk).update(ready_at=None)
    assert "new" not in titles(alice, "quicksilver boils")


def test_words_alone_find_nothing_that_has_none_of_them(alice):
    assert titles(alice, "quicksilver", search_type="keyword") == []


def test_times_are_told(alice):
    found = search(principal=alice, request=SearchRequest(query="network"))
    assert 0 <= found.embedding_ms <= found.search_ms
