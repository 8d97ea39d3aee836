/** elsewhere says whether what is typed is meant for a field or a dialog, and not for the page. */
export const elsewhere = (e: KeyboardEvent): boolean =>
  (e.target instanceof HTMLElement && (e.target.matches('input, textarea, select') || e.target.isContentEditable)) || document.querySelector('dialog[open]') !== null;

/** leader is the key before which others lead to a page. */
export const leader = {
  at: 0,
  leads: (): boolean => Date.now() - leader.at < 1200,
};
