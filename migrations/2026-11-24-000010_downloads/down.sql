DROP TABLE handled_downloads;
