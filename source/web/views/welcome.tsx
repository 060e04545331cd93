import {type SubmitEvent, useState} from 'react';
import {accountNameAllowed, accountNamePattern, LONGEST_PASSWORD, SHORTEST_PASSWORD} from '../../protocol/people.js';
import {ApiError, isApiError} from '../api.js';
import {textOf} from '../form-text.js';
import {accept} from '../session.js';
import {Field, Problem} from './parts.js';

/** The code stands behind the `#`, which no browser sends. */
const codeOf = (hash: string): string => hash.slice(1);

/** The invitation may name the account already; then the coordinator says so, and a name is not wanted. */
const acceptWith = async (name: string, password: string) => {
	await accept(codeOf(window.location.hash), name === '' ? undefined : name, password);
	window.location.replace('/');
};

const Welcome = () => {
	const [problem, setProblem] = useState<unknown>();
	const [isBusy, setIsBusy] = useState(false);
	const hasCode = codeOf(window.location.hash) !== '';

	const submit = (event: SubmitEvent<HTMLFormElement>) => {
		event.preventDefault();
		const form = new FormData(event.currentTarget);
		const [name, password] = [textOf(form, 'name').trim().toLowerCase(), textOf(form, 'password')];
		if (name !== '' && !accountNamePattern.test(name)) {
			setProblem(new ApiError('INVALID_REQUEST', `That can’t be a name. It has ${accountNameAllowed}.`));
			return;
		}

		if (password !== textOf(form, 'again')) {
			setProblem(new ApiError('INVALID_REQUEST', 'The two passwords are not the same.'));
			return;
		}

		setProblem(undefined);
		setIsBusy(true);
		acceptWith(name, password).catch((error: unknown) => {
			setProblem(error);
			setIsBusy(false);
		});
	};

	if (!hasCode) {
		return (
			<main className="middle">
				<div className="card narrow">
					<h1>Welcome</h1>
					<p>This link is not whole. Copy all of it, also what stands behind the “#”.</p>
				</div>
			</main>
		);
	}

	return (
		<main className="middle">
			<form className="card narrow" onSubmit={submit}>
				<h1>Welcome to PJAS</h1>
				<p>Somebody invited you. Choose how you sign in from now on.</p>
				<Field label="Name" hint={`Leave it empty where the invitation has your name. ${accountNameAllowed}.`}>
					{({id, hintId}) => (
						<input
							id={id}
							name="name"
							aria-describedby={hintId}
							autoComplete="username"
							autoCapitalize="none"
							maxLength={32}
						/>
					)}
				</Field>
				{(['password', 'again'] as const).map(name => (
					<Field
						key={name}
						label={name === 'password' ? 'Password' : 'The password once more'}
						hint={name === 'password' ? `At least ${SHORTEST_PASSWORD} characters.` : undefined}
					>
						{({id, hintId}) => (
							<input
								id={id}
								name={name}
								type="password"
								aria-describedby={hintId}
								autoComplete="new-password"
								required
								minLength={SHORTEST_PASSWORD}
								maxLength={LONGEST_PASSWORD}
							/>
						)}
					</Field>
				))}
				{problem !== undefined && <Problem error={problem} />}
				<button type="submit" className="main" disabled={isBusy}>
					{isBusy ? 'One moment…' : isApiError(problem, 'OFFLINE') ? 'Try again' : 'Begin'}
				</button>
			</form>
		</main>
	);
};

export default Welcome;
