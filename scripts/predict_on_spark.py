"""Answer a table of articles with Spark, through ``mapInPandas``.

    spark-submit predict_on_spark.py 's3a://bucket/articles/' 's3a://bucket/answers/'

Every executor needs ``pip install 'dateline[parquet]' pandas`` in the Python that runs
it (``PYSPARK_PYTHON``). Rows of Spark have no order and no number, so they need an id.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dateline import Article, Predictor

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

SCORED = "array<struct<label:string,name:string,code:string,score:double>>"


def answering(
    axes: tuple[str, ...], model: str | None
) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """What ``mapInPandas`` takes: batches of articles in, batches of answers out."""

    def answer(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        import pandas as pd
        from pyspark import SparkFiles

        # Once for each partition of the table; it takes a twentieth of a second.
        predictor = Predictor.load(model and SparkFiles.get(model))
        for batch in batches:
            articles = [
                Article(text, title, id)
                for id, title, text in zip(
                    batch["id"], batch["title"], batch["text"], strict=True
                )
            ]
            rows: list[dict[str, Any]] = [
                {"id": found.id}
                | {
                    axis: [
                        vars(scored) | {"score": round(scored.score, 4)}
                        for scored in found[axis]
                    ]
                    for axis in axes
                }
                for found in predictor.predict_many(articles)
            ]
            yield pd.DataFrame(rows, columns=["id", *axes])

    return answer


def answers(articles: DataFrame, model: str | None = None) -> DataFrame:
    """The answers to the articles of a table with the columns id, title and text.

    Parameters
    ----------
    articles : DataFrame
        Its title may be missing.
    model : str, optional
        A model file of the machine that this runs on. Default: the one inside the
        package.
    """
    from pyspark.sql import functions as F

    axes = tuple(head.axis for head in Predictor.load(model).model.heads)
    if model is not None:
        articles.sparkSession.sparkContext.addFile(model)
        model = model.replace("\\", "/").rpartition("/")[2]
    # As strings, none of them null: pandas would make floats of whole numbers among
    # which one is missing, and nan of a missing text.
    columns = [
        F.coalesce(F.col(name).cast("string"), F.lit("")).alias(name)
        if name in articles.columns
        else F.lit("").alias(name)
        for name in ("id", "title", "text")
    ]
    schema = ", ".join(["id string", *(f"`{axis}` {SCORED}" for axis in axes)])
    return articles.select(*columns).mapInPandas(answering(axes, model), schema)


def main() -> None:
    """Read a table, answer it, write the answers."""
    from pyspark.sql import SparkSession

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("articles", help="Parquet with the columns id, title and text")
    parser.add_argument("answers", help="where the answers are written as Parquet")
    parser.add_argument("-m", "--model", help="default: the one inside the package")
    given = parser.parse_args()
    spark = SparkSession.builder.appName("dateline").getOrCreate()
    answers(spark.read.parquet(given.articles), given.model).write.parquet(
        given.answers
    )
    spark.stop()


if __name__ == "__main__":
    main()
