"""The examples of the document "Chat System", kept here as it prints them, against the live answers: every key of an example is
there, with the same JSON type. More keys are welcome. (The frames of its WebSocket: `test_socket.py`.)"""

from __future__ import annotations

import json
import re

from tests.contracts.chat_system.conftest import ECHO, QUESTION, new_session, send
from tests.contracts.test_documented_examples import agrees

DONE = json.loads("""{
  "success": true,
  "data": {},
  "message": "操作成功",
  "error": null,
  "meta": {
    "timestamp": "2024-01-15T10:30:00Z",
    "request_id": "req_123456789",
    "version": "v1"
  }
}""")

FAILED = json.loads("""{
  "success": false,
  "data": null,
  "message": "操作失败",
  "error": {
    "code": "VALIDATION_ERROR",
    "details": "请求参数验证失败",
    "field_errors": {
      "content": ["消息内容不能为空"]
    }
  },
  "meta": {
    "timestamp": "2024-01-15T10:30:00Z",
    "request_id": "req_123456789",
    "version": "v1"
  }
}""")

NEW_SESSION = json.loads("""{
  "title": "关于机器学习的讨论",
  "description": "探讨深度学习算法原理",
  "topic_id": 123,
  "model_config": {
    "model": "gpt-4",
    "temperature": 0.7,
    "max_tokens": 2000,
    "stream": true
  },
  "context_settings": {
    "max_context_length": 8000,
    "include_document_metadata": true,
    "context_window_strategy": "sliding",
    "relevance_threshold": 0.7
  }
}""")

CREATED = json.loads("""{
  "success": true,
  "data": {
    "id": 1,
    "session_id": "sess_abc123def456",
    "user_id": 1001,
    "topic_id": 123,
    "title": "关于机器学习的讨论",
    "description": "探讨深度学习算法原理",
    "status": "active",
    "model_config": {
      "model": "gpt-4",
      "temperature": 0.7,
      "max_tokens": 2000,
      "stream": true
    },
    "context_settings": {
      "max_context_length": 8000,
      "include_document_metadata": true,
      "context_window_strategy": "sliding",
      "relevance_threshold": 0.7
    },
    "message_count": 0,
    "total_tokens": 0,
    "last_activity_at": null,
    "created_at": "2024-01-15T10:30:00Z",
    "updated_at": "2024-01-15T10:30:00Z"
  },
  "message": "会话创建成功"
}""")

SESSIONS = json.loads("""{
  "success": true,
  "data": {
    "sessions": [
      {
        "id": 1,
        "session_id": "sess_abc123def456",
        "title": "关于机器学习的讨论",
        "description": "探讨深度学习算法原理",
        "status": "active",
        "message_count": 15,
        "total_tokens": 3500,
        "last_activity_at": "2024-01-15T09:45:00Z",
        "created_at": "2024-01-15T09:00:00Z"
      }
    ],
    "pagination": {
      "page": 1,
      "page_size": 20,
      "total": 45,
      "total_pages": 3,
      "has_next": true,
      "has_prev": false
    }
  },
  "message": "获取会话列表成功"
}""")

SESSION = json.loads("""{
  "success": true,
  "data": {
    "id": 1,
    "session_id": "sess_abc123def456",
    "user_id": 1001,
    "topic_id": 123,
    "title": "关于机器学习的讨论",
    "description": "探讨深度学习算法原理",
    "status": "active",
    "model_config": {
      "model": "gpt-4",
      "temperature": 0.7,
      "max_tokens": 2000
    },
    "context_settings": {
      "max_context_length": 8000,
      "include_document_metadata": true
    },
    "message_count": 15,
    "total_tokens": 3500,
    "last_activity_at": "2024-01-15T09:45:00Z",
    "created_at": "2024-01-15T09:00:00Z",
    "updated_at": "2024-01-15T09:45:00Z"
  },
  "message": "获取会话详情成功"
}""")

SESSION_CHANGE = json.loads("""{
  "title": "更新后的标题",
  "description": "更新后的描述",
  "status": "archived",
  "model_config": {
    "temperature": 0.5
  }
}""")

DELETED = json.loads("""{
  "success": true,
  "data": null,
  "message": "会话删除成功"
}""")

SEND = json.loads("""{
  "content": "请解释一下机器学习的基本概念",
  "content_type": "text",
  "metadata": {
    "user_context": "初学者",
    "preferred_language": "zh-CN",
    "include_examples": true
  }
}""")

SENT = json.loads("""{
  "success": true,
  "data": {
    "id": 1,
    "message_id": "msg_user_123456",
    "session_id": "sess_abc123def456",
    "parent_message_id": null,
    "role": "user",
    "content": "请解释一下机器学习的基本概念",
    "content_type": "text",
    "metadata": {
      "user_context": "初学者",
      "preferred_language": "zh-CN"
    },
    "tokens": 12,
    "status": "completed",
    "created_at": "2024-01-15T10:30:00Z",
    "assistant_response": {
      "id": 2,
      "message_id": "msg_assistant_123457",
      "role": "assistant",
      "content": "机器学习是人工智能的一个重要分支...",
      "tokens": 256,
      "status": "completed",
      "references": [
        {
          "reference_id": "ref_123",
          "document_id": "doc_456",
          "excerpt": "机器学习定义...",
          "relevance_score": 0.95
        }
      ]
    }
  },
  "message": "消息发送成功"
}""")

HISTORY = json.loads("""{
  "success": true,
  "data": {
    "messages": [
      {
        "id": 2,
        "message_id": "msg_assistant_123457",
        "session_id": "sess_abc123def456",
        "parent_message_id": "msg_user_123456",
        "role": "assistant",
        "content": "机器学习是人工智能的一个重要分支...",
        "content_type": "markdown",
        "tokens": 256,
        "model": "gpt-4",
        "status": "completed",
        "processing_time_ms": 1500,
        "created_at": "2024-01-15T10:30:15Z"
      },
      {
        "id": 1,
        "message_id": "msg_user_123456",
        "session_id": "sess_abc123def456",
        "role": "user",
        "content": "请解释一下机器学习的基本概念",
        "content_type": "text",
        "tokens": 12,
        "status": "completed",
        "created_at": "2024-01-15T10:30:00Z"
      }
    ],
    "pagination": {
      "page": 1,
      "page_size": 20,
      "total": 15,
      "has_next": false,
      "has_prev": false
    }
  },
  "message": "获取消息历史成功"
}""")

MESSAGE = json.loads("""{
  "success": true,
  "data": {
    "id": 2,
    "message_id": "msg_assistant_123457",
    "session_id": "sess_abc123def456",
    "parent_message_id": "msg_user_123456",
    "role": "assistant",
    "content": "机器学习是人工智能的一个重要分支...",
    "content_type": "markdown",
    "metadata": {
      "model_config": {
        "model": "gpt-4",
        "temperature": 0.7
      }
    },
    "tokens": 256,
    "model": "gpt-4",
    "prompt_tokens": 150,
    "completion_tokens": 256,
    "status": "completed",
    "processing_time_ms": 1500,
    "retrieval_time_ms": 300,
    "generation_time_ms": 1200,
    "created_at": "2024-01-15T10:30:15Z",
    "updated_at": "2024-01-15T10:30:15Z"
  },
  "message": "获取消息详情成功"
}""")

REGENERATION = json.loads("""{
  "model_config": {
    "temperature": 0.5,
    "max_tokens": 1500
  },
  "regenerate_reason": "用户不满意当前回复"
}""")

SEARCH = json.loads("""{
  "query": "机器学习算法分类",
  "topic_id": 123,
  "search_type": "hybrid",
  "max_results": 10,
  "relevance_threshold": 0.6,
  "filters": {
    "content_type": ["pdf", "md"],
    "date_range": {
      "start": "2023-01-01",
      "end": "2024-01-01"
    }
  }
}""")

FOUND = json.loads("""{
  "success": true,
  "data": {
    "results": [
      {
        "document_id": "doc_123",
        "chunk_id": "chunk_456",
        "title": "机器学习算法详解",
        "content": "机器学习算法可以分为监督学习、无监督学习和强化学习三大类...",
        "relevance_score": 0.95,
        "metadata": {
          "file_type": "pdf",
          "page_number": 15,
          "author": "张三",
          "created_at": "2023-06-15T00:00:00Z"
        }
      }
    ],
    "total_results": 25,
    "search_time_ms": 150,
    "query_embedding_time_ms": 50
  },
  "message": "文档搜索成功"
}""")

REFERENCES = json.loads("""{
  "success": true,
  "data": {
    "references": [
      {
        "id": 1,
        "reference_id": "ref_123",
        "message_id": "msg_assistant_123458",
        "document_id": "doc_456",
        "chunk_id": "chunk_789",
        "reference_type": "direct",
        "relevance_score": 0.95,
        "excerpt": "机器学习是一种人工智能技术...",
        "start_char": 150,
        "end_char": 280,
        "page_number": 5,
        "display_order": 1,
        "document_info": {
          "title": "机器学习入门指南",
          "file_type": "pdf",
          "author": "李四"
        }
      }
    ],
    "total_references": 3
  },
  "message": "获取引用成功"
}""")

CONTEXT = json.loads(r"""{
  "success": true,
  "data": {
    "context": {
      "session_id": "sess_abc123def456",
      "total_context_length": 7500,
      "max_context_length": 8000,
      "context_chunks": [
        {
          "context_type": "conversation",
          "content": "用户: 什么是机器学习？\n助手: 机器学习是...",
          "relevance_score": 1.0,
          "weight": 1.0,
          "context_order": 1
        },
        {
          "context_type": "retrieval",
          "content": "文档摘要: 机器学习算法分类...",
          "relevance_score": 0.88,
          "weight": 0.8,
          "context_order": 2
        }
      ]
    }
  },
  "message": "获取上下文成功"
}""")

CONTEXT_CHANGE = json.loads("""{
  "max_context_length": 10000,
  "include_document_metadata": true,
  "context_window_strategy": "sliding",
  "relevance_threshold": 0.75
}""")


async def test_every_answer_carries_meta(alice):
    status, answer = await alice.call("GET", "/chat/sessions", **{"X-Request-ID": "req_123456789"})
    assert status == 200
    agrees({**DONE, "data": {}}, answer)
    assert answer["meta"]["request_id"] == "req_123456789"
    assert answer["meta"]["version"] == DONE["meta"]["version"]


async def test_a_failure(alice):
    session = await new_session(alice)
    status, answer = await send(alice, session, "")
    assert status == 400
    agrees(FAILED, answer)
    assert answer["error"]["code"] == FAILED["error"]["code"]
    assert answer["message"] == FAILED["message"]
    assert (answer["success"], answer["data"]) == (False, None)


async def test_a_session_from_its_beginning_to_its_end(alice, alices_topic):
    status, answer = await alice.call("POST", "/chat/sessions", {**NEW_SESSION, "topic_id": alices_topic})
    assert status == 201
    agrees(CREATED, answer)
    assert answer["message"] == CREATED["message"]
    for name in ("title", "description", "status", "model_config", "context_settings", "message_count", "total_tokens"):
        assert answer["data"][name] == CREATED["data"][name]
    assert answer["data"]["topic_id"] == alices_topic
    assert answer["data"]["last_activity_at"] is None
    session = answer["data"]["session_id"]
    assert re.fullmatch("sess_[0-9a-f]{32}", session)
    assert (await send(alice, session, QUESTION))[0] == 200

    status, answer = await alice.call("GET", f"/chat/sessions?page=1&page_size=20&topic_id={alices_topic}&status=active")
    assert status == 200
    agrees(SESSIONS, answer)
    assert answer["message"] == SESSIONS["message"]
    assert [item["session_id"] for item in answer["data"]["sessions"]] == [session]

    status, answer = await alice.call("GET", f"/chat/sessions/{session}")
    assert status == 200
    agrees(SESSION, answer)
    assert answer["message"] == SESSION["message"]
    assert answer["data"]["message_count"] == 2
    assert answer["data"]["total_tokens"] > 0

    status, answer = await alice.call("PUT", f"/chat/sessions/{session}", SESSION_CHANGE)
    assert status == 200
    agrees({**SESSION, "message": ""}, answer)
    assert {name: answer["data"][name] for name in ("title", "description", "status")} == {
        name: SESSION_CHANGE[name] for name in ("title", "description", "status")
    }
    assert answer["data"]["model_config"] == {**NEW_SESSION["model_config"], "temperature": 0.5}
    assert answer["data"]["context_settings"] == NEW_SESSION["context_settings"]

    status, answer = await alice.call("DELETE", f"/chat/sessions/{session}")
    assert status == 200
    agrees(DELETED, answer)
    assert answer["message"] == DELETED["message"]


async def test_messages(alice, alices_topic):
    session = await new_session(alice, **{**NEW_SESSION, "topic_id": alices_topic, "context_settings": {}})
    status, answer = await alice.call("POST", f"/chat/sessions/{session}/messages", {**SEND, "content": QUESTION})
    assert status == 200
    agrees(SENT, answer)
    assert answer["message"] == SENT["message"]
    sent, reply = answer["data"], answer["data"]["assistant_response"]
    assert (sent["content"], sent["content_type"], sent["metadata"]) == (QUESTION, "text", SEND["metadata"])
    assert (sent["role"], reply["role"], sent["status"], reply["status"]) == ("user", "assistant", "completed", "completed")
    assert sent["parent_message_id"] is None
    assert re.fullmatch("msg_[0-9a-f]{32}", reply["message_id"])
    assert re.fullmatch("ref_[0-9a-f]{32}", reply["references"][0]["reference_id"])
    assert sent["turn_id"] == reply["turn_id"]

    status, answer = await alice.call("GET", f"/chat/sessions/{session}/messages?page=1&page_size=20")
    assert status == 200
    agrees(HISTORY, answer)
    assert answer["message"] == HISTORY["message"]
    assert [message["message_id"] for message in answer["data"]["messages"]] == [reply["message_id"], sent["message_id"]]
    assert answer["data"]["messages"][0]["parent_message_id"] == sent["message_id"]
    status, answer = await alice.call("GET", f"/chat/sessions/{session}/messages?page=1&page_size=20&role=user")
    assert [message["role"] for message in answer["data"]["messages"]] == ["user"]

    status, answer = await alice.call("GET", f"/chat/messages/{reply['message_id']}")
    assert status == 200
    agrees(MESSAGE, answer)
    assert answer["message"] == MESSAGE["message"]
    assert answer["data"]["metadata"]["model_config"]["temperature"] == 0.7

    status, answer = await alice.call("POST", f"/chat/messages/{reply['message_id']}/regenerate", REGENERATION)
    assert status == 200
    agrees({**MESSAGE, "message": ""}, answer)
    assert answer["data"]["message_id"] != reply["message_id"]
    assert answer["data"]["parent_message_id"] == sent["message_id"]
    shown = {**answer["data"]["metadata"]["model_config"], "model": ""}
    assert shown == {**REGENERATION["model_config"], "model": ""}


async def test_searching(alice, alices_topic):
    asked = {**SEARCH, "topic_id": alices_topic, "relevance_threshold": 0.1}
    status, answer = await alice.call("POST", "/chat/search", asked)
    assert status == 200
    agrees(FOUND, answer)
    assert answer["message"] == FOUND["message"]
    best = answer["data"]["results"][0]
    assert re.fullmatch("doc_[0-9a-f]{32}", best["document_id"])
    assert re.fullmatch("chunk_[0-9a-f]{32}", best["chunk_id"])
    assert best["title"] == "机器学习入门指南"
    assert best["metadata"] == {**best["metadata"], "file_type": "pdf", "author": "李四", "created_at": "2023-06-15T00:00:00Z"}


async def test_references(alice, alices_topic):
    session = await new_session(alice, topic_id=alices_topic, model_config={"model": ECHO})
    reply = (await send(alice, session, QUESTION))[1]["data"]["assistant_response"]
    status, answer = await alice.call("GET", f"/chat/messages/{reply['message_id']}/references")
    assert status == 200
    agrees(REFERENCES, answer)
    assert answer["message"] == REFERENCES["message"]
    assert answer["data"]["total_references"] == len(answer["data"]["references"])
    assert [item["display_order"] for item in answer["data"]["references"]] == list(
        range(1, len(answer["data"]["references"]) + 1)
    )
    info = answer["data"]["references"][0]["document_info"]
    assert info == {"title": "机器学习入门指南", "file_type": "pdf", "author": "李四"}


async def test_the_context(alice, alices_topic):
    session = await new_session(alice, topic_id=alices_topic)
    await send(alice, session, QUESTION)
    status, answer = await alice.call("GET", f"/chat/sessions/{session}/context")
    assert status == 200
    agrees(CONTEXT, answer)
    assert answer["message"] == CONTEXT["message"]
    chunks = answer["data"]["context"]["context_chunks"]
    assert [chunk["context_type"] for chunk in chunks][:2] == ["conversation", "retrieval"]
    assert chunks[0]["content"].startswith(f"用户: {QUESTION}\n助手: ")
    assert [chunk["context_order"] for chunk in chunks] == list(range(1, len(chunks) + 1))

    status, answer = await alice.call("PUT", f"/chat/sessions/{session}/context", CONTEXT_CHANGE)
    assert status == 200
    assert answer["data"]["context_settings"] == CONTEXT_CHANGE
    detail = await alice.data("GET", f"/chat/sessions/{session}")
    assert detail["context_settings"] == CONTEXT_CHANGE
