#!/bin/sh
# Makes the databases of a server that is new: one for each host, with a role of its own that can't enter the other's.
# The image runs this once, when its volume is empty; a later change of a password is made with ALTER ROLE.
set -eu

make() {
    psql --username "$POSTGRES_USER" --dbname postgres -v ON_ERROR_STOP=1 -v name="$1" -v password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

make banyan "$BANYAN_DB_PASSWORD"
make comments "$BANYAN_COMMENTS_DB_PASSWORD"
