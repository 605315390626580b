#!/bin/sh
# Run by the image of PostgreSQL when its data folder is new: the roles and the database.
set -eu
psql --username=postgres --set=ON_ERROR_STOP=1 \
  --set=owner_password="$OWNER_PASSWORD" --set=app_password="$APP_PASSWORD" --set=worker_password="$WORKER_PASSWORD" \
  --file=/roles.sql
