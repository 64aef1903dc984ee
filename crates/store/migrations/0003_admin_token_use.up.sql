-- When an administration token was last used (to the hour or so), so that unused ones are found and revoked.
-- Nullable: a program that does not know it goes on inserting tokens.
ALTER TABLE admin_tokens ADD COLUMN last_used_at BIGINT;
