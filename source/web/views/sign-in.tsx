import {type SubmitEvent, useState} from 'react';
import {textOf} from '../form-text.js';
import {signIn} from '../session.js';
import {Field, Problem} from './parts.js';

/** Asks for a name and a password. */
export const SignIn = ({hasEnded}: {hasEnded: boolean}) => {
	const [problem, setProblem] = useState<unknown>();
	const [isBusy, setIsBusy] = useState(false);

	const submit = (event: SubmitEvent<HTMLFormElement>) => {
		event.preventDefault();
		const form = new FormData(event.currentTarget);
		setProblem(undefined);
		setIsBusy(true);
		signIn(textOf(form, 'name'), textOf(form, 'password')).catch((error: unknown) => {
			setProblem(error);
			setIsBusy(false);
		});
	};

	return (
		<main className="middle">
			<form className="card narrow" onSubmit={submit}>
				<h1>PJAS</h1>
				<p>{hasEnded ? 'Your session ended. Sign in again.' : 'Sign in to your files.'}</p>
				<Field label="Name">
					{({id}) => (
						<input
							id={id}
							name="name"
							autoComplete="username"
							autoCapitalize="none"
							required
							autoFocus
							maxLength={100}
						/>
					)}
				</Field>
				<Field label="Password">
					{({id}) => (
						<input id={id} name="password" type="password" autoComplete="current-password" required maxLength={256} />
					)}
				</Field>
				{problem !== undefined && <Problem error={problem} />}
				<button type="submit" className="main" disabled={isBusy}>
					{isBusy ? 'Signing in…' : 'Sign in'}
				</button>
				<p className="hint">No account yet, or no password any more? Ask who runs this network for a link.</p>
			</form>
		</main>
	);
};
