import {fileURLToPath} from 'node:url';

/** Where the build puts the web page: beside this file's folder, bundled or not. */
export const pageFolder = (): string => fileURLToPath(new URL('../web/', import.meta.url));
