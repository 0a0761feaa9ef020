-- A database for xfer, and a role that owns it and has no other rights. Run it as a superuser of PostgreSQL 14 or later:
--
--   psql --file postgres.sql postgres
--   psql --command '\password xfer' postgres
--
-- Servers create and upgrade the tables themselves.

CREATE ROLE xfer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
-- Names of files can be in any language.
CREATE DATABASE xfer OWNER xfer ENCODING 'UTF8' TEMPLATE template0;
-- No other role may look inside.
REVOKE ALL ON DATABASE xfer FROM PUBLIC;

\connect xfer
ALTER SCHEMA public OWNER TO xfer;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
