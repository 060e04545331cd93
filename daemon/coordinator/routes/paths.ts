import type {Route} from '../../../source/protocol/routes.js';

/** A route's path as the router writes it: `:id` for `{id}`. */
export const koaPath = ({path}: Route): string => path.replaceAll(/\{(\w+)\}/g, ':$1');
