import type {MemberConsole} from '../console/view.js';

/** Why nothing can be asked of the own node now. */
export const unreached = ({node}: MemberConsole): string | undefined => {
	const {connection, status} = node.get();
	if (connection.state === 'live' && status) return undefined;
	return connection.state === 'stale' ? connection.error : 'The node has not answered yet';
};
