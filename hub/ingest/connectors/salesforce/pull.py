"""Salesforce's API: accounts, contacts, opportunities and cases by SOQL, in the order in which they changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from hub.ingest.connectors.base import JSON, Facts, Malformed, iso, mapping, moment, text
from hub.ingest.pulling.base import Ask, Page, Pulled, Puller, Stream, bearer, listed, pulled, pullers

VERSION: Final = "v60.0"
FIELDS: Final = {
    "Account": "Name, Website, Industry, BillingCountry",
    "Contact": "Name, Email, Title, AccountId",
    "Opportunity": ("Name, StageName, Type, Amount, CloseDate, CreatedDate, Probability, IsClosed, IsWon, AccountId"),
    "Case": "Subject, Status, IsClosed, Priority, Origin, CreatedDate, ClosedDate, AccountId, ContactId",
}


def _changed(name: str, title: str) -> Stream:
    def ask(cursor: Facts, start: datetime) -> Ask:
        if cursor.get("next"):
            return Ask("GET", cursor["next"])
        since = cursor.get("since") or start.isoformat()
        # Of what changed in the same second some may have been read: it is read once more, and known by its content.
        soql = (
            f"SELECT Id, SystemModstamp, {FIELDS[name]} FROM {name} "
            f"WHERE SystemModstamp >= {_moment(since)} ORDER BY SystemModstamp ASC"
        )
        return Ask("GET", f"/services/data/{VERSION}/query?{urlencode({'q': soql})}")

    def page(body: JSON, cursor: Facts, now: datetime) -> Page:
        records = [record for record in listed(body, "records") if text(record.get("Id"))]
        seen = iso(records[-1].get("SystemModstamp")) if records else None
        since = seen or cursor.get("since")
        known: Facts = {"since": since} if since else {}
        following = text(mapping(body).get("nextRecordsUrl"), 1000)
        if following and not following.startswith("/services/data/"):
            raise Malformed("the next page is said to be somewhere else")
        if following and mapping(body).get("done") is not True:
            return Page([_call(name, record) for record in records], {**known, "next": following}, more=True)
        return Page([_call(name, record) for record in records], known)

    return Stream(name.lower(), title, ask, page)


def _moment(value: str) -> str:
    at = moment(value)
    if at is None:
        raise Malformed("the place to go on from is no time")
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _call(name: str, record: dict[str, Any]) -> Pulled:
    thing = {**record, "attributes": {"type": name}}
    return pulled(name, text(record["Id"]), {"records": [thing]})


def sign_in(secret: str) -> Ask:
    """The client credentials flow: `client id:client secret` buys a token."""
    client, _, password = secret.partition(":")
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": password}
    return Ask("POST", "/services/oauth2/token", form=form)


pullers.register(
    Puller(
        key="salesforce",
        address_help="https://your-name.my.salesforce.com",
        streams=(
            _changed("Account", "Accounts"),
            _changed("Contact", "Contacts"),
            _changed("Opportunity", "Opportunities"),
            _changed("Case", "Cases"),
        ),
        headers=bearer,
        sign_in=sign_in,
        secret_label="Consumer key and secret",
        steps=(
            "In Salesforce: Setup › App Manager › New connected app with OAuth, scope api, and the client credentials "
            "flow with a user who may read. Paste its key and secret as KEY:SECRET."
        ),
    )
)
