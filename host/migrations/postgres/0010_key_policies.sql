-- What calls with a key are narrowed to: a JSON array of policy files; NULL where nothing narrows them.
ALTER TABLE api_keys ADD COLUMN within TEXT;
