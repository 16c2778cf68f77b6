"""The databases of the two servers: files of this installation, or one PostgreSQL database.

In PostgreSQL each server has a schema of its own, since both keep their version in a table of the
same name: Prefect ``prefect``, MLflow ``public``.
"""

from __future__ import annotations

from pydantic import SecretStr

from tasks.installation.environment import tracking_uri
from tasks.installation.settings import Settings

_PREFECT_SCHEMA = "prefect"
_PREPARED = (
    f"CREATE SCHEMA IF NOT EXISTS {_PREFECT_SCHEMA}",
    # Prefect also looks into public, for extensions. Without a table of versions of its own it
    # would take MLflow's for its own, where MLflow is quicker.
    f"CREATE TABLE IF NOT EXISTS {_PREFECT_SCHEMA}.alembic_version "
    "(version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
)


def prepare_database(settings: Settings) -> None:
    """Make what both servers need to find: a local database for MLflow, or Prefect's schema.

    Raises InputError where the PostgreSQL server does not answer or does not let us in.
    """
    if settings.database is None:
        from tasks.tracking.tracking import prepare_tracking

        prepare_tracking(settings)
        return
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError

    from designlib.types import InputError

    url = _url(settings.database, "pg8000")
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in _PREPARED:
                connection.execute(sa.text(statement))
    except SQLAlchemyError as error:
        where = sa.make_url(url).render_as_string(hide_password=True)
        reason = str(error).splitlines()[0]
        raise InputError(f"the database {where} cannot be used: {reason}") from None
    finally:
        engine.dispose()


def prefect_database(settings: Settings) -> dict[str, str]:
    """Return the variables that tell the Prefect server its database; none for its own file."""
    if settings.database is None:
        return {}
    return {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": _url(settings.database, "asyncpg"),
        "PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_SEARCH_PATH": f"{_PREFECT_SCHEMA},public",
    }


def mlflow_database(settings: Settings) -> dict[str, str]:
    """Return the variable that tells the MLflow server its database, with the password if any."""
    if settings.database is None:
        return {"MLFLOW_BACKEND_STORE_URI": tracking_uri(settings)}
    return {"MLFLOW_BACKEND_STORE_URI": _url(settings.database, "pg8000")}


def _url(database: SecretStr, driver: str) -> str:
    return database.get_secret_value().replace("://", f"+{driver}://", 1)
