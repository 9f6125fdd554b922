"""A form as a file: XLSX and DOCX taken apart and put together in a fenced child process."""
