"""From a free-text medical record to a case whose every item quotes the record; a person reviews what comes out."""
