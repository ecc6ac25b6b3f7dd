from django.db import migrations


def index_everything(apps, schema_editor):
    """Texts that were stored before there was an index. As today's words are made: a later change of them makes its own migration."""
    from conversations.search import index_message, index_title

    Conversation = apps.get_model("conversations", "Conversation")
    Message = apps.get_model("conversations", "Message")
    for conversation in Conversation.objects.filter(deleted_at=None).exclude(title="").iterator():
        index_title(user_id=conversation.user_id, conversation_id=conversation.pk, title=conversation.title)
    messages = Message.objects.filter(conversation__deleted_at=None).exclude(content="").select_related("conversation")
    for message in messages.iterator():
        index_message(
            user_id=message.conversation.user_id,
            conversation_id=message.conversation_id,
            message_id=message.pk,
            text=message.content,
        )


class Migration(migrations.Migration):
    dependencies = [("conversations", "0003_search_and_revisions")]
    operations = [migrations.RunPython(index_everything, migrations.RunPython.noop)]
