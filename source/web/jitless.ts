import {config} from 'zod';

/** The page's policy lets no text become code, so the schemas must not try. To be imported before any schema is made. */
config({jitless: true});
