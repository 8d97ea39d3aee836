/** elsewhere says whether what is typed is meant for a field or a dialog, and not for the page. */
export const elsewhere = (e: KeyboardEvent): boolean =>
  (e.target instanceof HTMLElement && (e.target.matches('input, textarea, select') || e.target.isContentEditable)) || document.querySelector('dialog[open]') !== null;
