import {type ReactNode, useEffect} from 'react';
import {ask, session} from './session.js';
import {useStore} from './store.js';
import {later} from './views/later.js';
import {Problem, Waiting} from './views/parts.js';
import {Shell} from './views/shell.js';
import {SignIn} from './views/sign-in.js';

const Middle = ({children}: {children: ReactNode}) => <main className="middle">{children}</main>;

const Welcome = later(async () => import('./views/welcome.js'), Middle);
const Shared = later(async () => import('./views/shared.js'), Middle);

const OfMembers = () => {
	const current = useStore(session);
	useEffect(() => void ask(), []);
	if (current.state === 'signed-in') return <Shell who={current.who} />;
	if (current.state === 'signed-out') return <SignIn hasEnded={current.hasEnded} />;
	return (
		<Middle>
			{current.state === 'asking' ? (
				<Waiting what="Opening" />
			) : (
				<Problem error={current.error} again={() => void ask()} />
			)}
		</Middle>
	);
};

/** What there is to see, by the address: an invitation, what somebody shared, or a member's own. */
export const App = () => {
	const {pathname} = window.location;
	const View = pathname === '/welcome' ? Welcome : pathname.startsWith('/s/') ? Shared : OfMembers;
	return <View />;
};
