"""What can be asked: settings, database, uploads, analyses; all SQL is here."""
