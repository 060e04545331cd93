import {type SubmitEvent, useCallback, useEffect, useState} from 'react';
import {PjasError} from '../../protocol/errors.js';
import {SHORTEST_PASSPHRASE} from '../../protocol/keyring-limit.js';
import {ApiError} from '../api.js';
import {textOf} from '../form-text.js';
import {hasKeyring, openKeyring} from '../sealed/open-keyring.js';
import {canSeal, isSealing, NO_CRYPTOGRAPHY, unlocking} from '../sealing.js';
import {useStore} from '../store.js';
import {Field, Problem, Waiting} from './parts.js';

const refused = (text: string) => new ApiError('INVALID_REQUEST', text);

const ExistingFields = () => (
	<Field label="Passphrase">
		{({id}) => <input id={id} name="passphrase" type="password" autoComplete="off" required autoFocus />}
	</Field>
);

const NewFields = () => (
	<>
		<p>
			You have no keyring yet. It keeps the keys of what you seal; the storage network keeps it, and can’t open it.
			Choose its passphrase: it opens your sealed files on every machine, also in <code>pjas-tui</code>.{' '}
			<strong>Nobody can bring it back.</strong>
		</p>
		{(['passphrase', 'again'] as const).map(name => (
			<Field
				key={name}
				label={name === 'passphrase' ? 'New passphrase' : 'The passphrase once more'}
				hint={name === 'passphrase' ? `At least ${SHORTEST_PASSPHRASE} characters.` : undefined}
			>
				{({id, hintId}) => (
					<input
						id={id}
						name={name}
						type="password"
						autoComplete="new-password"
						required
						autoFocus={name === 'passphrase'}
						aria-describedby={hintId}
					/>
				)}
			</Field>
		))}
	</>
);

/** What is wrong with a passphrase to come. */
const problemOf = (passphrase: string, again: string): ApiError | undefined => {
	if (Array.from(passphrase).length < SHORTEST_PASSPHRASE) {
		return refused(`A passphrase has at least ${SHORTEST_PASSPHRASE} characters.`);
	}

	return passphrase === again ? undefined : refused('These are two passphrases.');
};

/** Asks for the keyring's passphrase; for a new one where there is no keyring. */
const Unlock = () => {
	const wanted = useStore(unlocking);
	const [isThere, setIsThere] = useState<boolean>();
	const [problem, setProblem] = useState<unknown>();
	const [isBusy, setIsBusy] = useState(false);
	const look = useCallback(() => {
		setProblem(undefined);
		hasKeyring().then(setIsThere, setProblem);
	}, []);
	useEffect(() => {
		if (canSeal()) look();
	}, [look]);
	if (!canSeal()) return <p>{NO_CRYPTOGRAPHY}</p>;
	if (isThere === undefined) {
		return problem === undefined ? (
			<Waiting what="Looking for your keyring" />
		) : (
			<Problem error={problem} again={look} />
		);
	}

	const submit = (event: SubmitEvent<HTMLFormElement>) => {
		event.preventDefault();
		const form = new FormData(event.currentTarget);
		const passphrase = textOf(form, 'passphrase');
		const wrong = isThere ? undefined : problemOf(passphrase, textOf(form, 'again'));
		setProblem(wrong);
		if (wrong) return;
		setIsBusy(true);
		openKeyring(passphrase, !isThere).then(
			() => {
				if (wanted === 'seal') isSealing.set(true);
				unlocking.set(undefined);
			},
			(error: unknown) => {
				setProblem(error);
				setIsBusy(false);
			},
		);
	};

	return (
		<form className="stack" onSubmit={submit}>
			{isThere ? <ExistingFields /> : <NewFields />}
			{problem !== undefined && <Problem error={problem} />}
			{problem instanceof PjasError && problem.code === 'KEYRING_CORRUPT' && (
				<p className="hint">
					<code>pjas-tui keyring import FILE</code> brings an exported one back.
				</p>
			)}
			<div className="buttons">
				<button type="submit" className="main" disabled={isBusy}>
					{isBusy ? 'Opening…' : isThere ? 'Unlock' : 'Make the keyring'}
				</button>
			</div>
		</form>
	);
};

export default Unlock;
