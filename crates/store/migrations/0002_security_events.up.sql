-- Bounded, sampled events of callers who could not be identified: they are no exchanges, so they are not in the message log.
CREATE TABLE security_events (
    seq BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    count BIGINT NOT NULL,
    detail TEXT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('security_events', 0);
