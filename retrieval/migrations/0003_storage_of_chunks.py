from django.db import migrations

FORWARDS = """
-- Words and vectors lie in their row: a search reads hundreds of them, and each visit to the table for long values costs more than it.
ALTER TABLE retrieval_chunk SET (toast_tuple_target = 8160);
ALTER TABLE retrieval_embedding ALTER COLUMN vector SET STORAGE PLAIN;
-- What was added to the index and is not in its place yet is read by each search: half a megabyte at most, instead of four.
ALTER INDEX chunk_words SET (gin_pending_list_limit = 512);
-- The 3,000 most common words are counted by ANALYZE: see `statistics.py`.
ALTER TABLE retrieval_chunk ALTER COLUMN words SET STATISTICS 300;
"""
BACKWARDS = """
ALTER TABLE retrieval_chunk RESET (toast_tuple_target);
ALTER TABLE retrieval_embedding ALTER COLUMN vector SET STORAGE EXTERNAL;
ALTER INDEX chunk_words RESET (gin_pending_list_limit);
ALTER TABLE retrieval_chunk ALTER COLUMN words SET STATISTICS -1;
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0002_documents")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
