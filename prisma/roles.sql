-- For a PostgreSQL of your own: run once as a superuser, connected to any database of the server, for instance
--   psql -v owner_password=… -v app_password=… -v worker_password=… -f prisma/roles.sql
-- None of the roles is a superuser or passes by row-level security. The embedded PostgreSQL does the same by itself.

-- Owns the tables and runs the migrations: DATABASE_OWNER_URL
CREATE ROLE longhaul_owner WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
-- Serves requests, one organization at a time: DATABASE_URL
CREATE ROLE longhaul_app WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'app_password';
-- Enrolment, delivery and telemetry, which cross organizations: DATABASE_WORKER_URL
CREATE ROLE longhaul_worker WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'worker_password';

CREATE DATABASE longhaul OWNER longhaul_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE longhaul FROM PUBLIC;
GRANT CONNECT ON DATABASE longhaul TO longhaul_app, longhaul_worker;
