"""What there is: layers, their fields, codes, rules and styles, declared once."""
