import {lazy, Suspense, useEffect} from 'react';
import {ask, session} from './session.js';
import {useStore} from './store.js';
import {Problem, Waiting} from './views/parts.js';
import {Shell} from './views/shell.js';
import {SignIn} from './views/sign-in.js';

const Welcome = lazy(async () => import('./views/welcome.js'));
const Shared = lazy(async () => import('./views/shared.js'));

const OfMembers = () => {
	const current = useStore(session);
	useEffect(() => void ask(), []);
	if (current.state === 'signed-in') return <Shell who={current.who} />;
	if (current.state === 'signed-out') return <SignIn hasEnded={current.hasEnded} />;
	return (
		<main className="middle">
			{current.state === 'asking' ? (
				<Waiting what="Opening" />
			) : (
				<Problem error={current.error} again={() => void ask()} />
			)}
		</main>
	);
};

/** What there is to see, by the address: an invitation, what somebody shared, or a member's own. */
export const App = () => {
	const {pathname} = window.location;
	const View = pathname === '/welcome' ? Welcome : pathname.startsWith('/s/') ? Shared : OfMembers;
	return (
		<Suspense
			fallback={
				<main className="middle">
					<Waiting what="Opening" />
				</main>
			}
		>
			<View />
		</Suspense>
	);
};
