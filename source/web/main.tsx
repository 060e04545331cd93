import './jitless.js';
import {StrictMode} from 'react';
import {createRoot} from 'react-dom/client';
import {App} from './app.js';
// In this order: what is special comes after what is common.
import './style.css';
import './views.css';
import './dialogs.css';
import './phone.css';

const place = document.querySelector('#page');
if (place) {
	createRoot(place).render(
		<StrictMode>
			<App />
		</StrictMode>,
	);
}
