DELETE FROM counters WHERE name = 'security_events';
DROP TABLE security_events;
