-- Why an admin declined; NULL while nobody has decided.
ALTER TABLE grant_requests ADD COLUMN declined TEXT;
