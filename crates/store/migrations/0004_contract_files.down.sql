DROP TABLE contract_files;
