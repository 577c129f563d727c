-- People whom a provider of OpenID Connect knows. Until they have come for the first time they are known by a name alone.
CREATE TABLE identities (
    user_id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
    issuer TEXT,
    subject TEXT,
    -- The name or address by which the provider calls them, in lower case.
    expected TEXT,
    -- The account was made when the person came: it has no password, and the provider says its role.
    made INTEGER NOT NULL DEFAULT 0,
    CHECK ((issuer IS NULL) = (subject IS NULL)),
    UNIQUE (issuer, subject)
) STRICT;
CREATE UNIQUE INDEX identities_expected ON identities(expected) WHERE subject IS NULL;

ALTER TABLE sessions ADD COLUMN provided INTEGER NOT NULL DEFAULT 0;
