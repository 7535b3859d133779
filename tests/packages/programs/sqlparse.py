"""Splitting, formatting, tokens and trees of SQL."""

import sqlparse
from sqlparse import sql, tokens

QUERY = (
    "select a.id, count(*) as n, case when b.x>1 then 'y' else 'n' end from t1 a left join t2 b on a.id=b.id "
    "where a.name like 'x%' and (b.y in (select id from t3) or a.z is null) group by a.id having n>2 order by n desc limit 5"
)


def main():
    parts = sqlparse.split("select 1; -- a comment; here\ninsert into t values ('a;b'); ")
    assert len(parts) == 2
    statement = sqlparse.parse(QUERY)[0]
    assert statement.get_type() == "SELECT"
    where = next(token for token in statement.tokens if isinstance(token, sql.Where))
    columns = next(token for token in statement.tokens if isinstance(token, sql.IdentifierList))
    names = [
        identifier.get_name() for identifier in columns.get_identifiers() if isinstance(identifier, sql.Identifier)
    ]
    kinds = {str(token.ttype) for token in statement.flatten()}
    function = sqlparse.parse("foo(a, 1)")[0].tokens[0]
    return {
        "parts": parts,
        "names": names,
        "where": str(where)[:20],
        "formatted": sqlparse.format(QUERY, reindent=True, keyword_case="upper"),
        "aligned": sqlparse.format("select a, b from t where x = 1", reindent_aligned=True),
        "stripped": sqlparse.format("select 1 /* c */ -- d\nfrom t", strip_comments=True, strip_whitespace=True),
        "identifiers": sqlparse.format('select "A", b from C', identifier_case="lower"),
        "wrapped": sqlparse.format(
            "select " + ", ".join(f"column_{i}" for i in range(8)), wrap_after=30, reindent=True
        ),
        "python": sqlparse.format("select 1", output_format="python"),
        "kinds": len(kinds) > 6,
        "function": (type(function).__name__, function.get_name(), [str(p) for p in function.get_parameters()]),
        "keywords": [str(t) for t in statement.flatten() if t.ttype is tokens.Keyword][:4],
        "types": [
            sqlparse.parse(text)[0].get_type()
            for text in ("create table t (a int)", "with x as (select 1) update t set a=1")
        ],
        "alias": sqlparse.parse("select x as y from t")[0].tokens[2].get_alias(),
    }
