"""Data only: trained sequence models, one directory a language, each with its card."""
