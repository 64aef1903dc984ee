-- The files of contracts and mappings, by the digest that versions name them by. A program that does not know the table leaves it alone.
CREATE TABLE contract_files (
    digest TEXT PRIMARY KEY NOT NULL,
    files TEXT NOT NULL,
    at BIGINT NOT NULL
);
