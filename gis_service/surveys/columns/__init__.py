"""What the columns and cells of a survey mean: fields, values, what names a person and stays out."""
