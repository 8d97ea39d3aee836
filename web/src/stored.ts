/** stored is what the browser has kept under a name; null if it keeps nothing. */
export const stored = (name: string): string | null => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
};

/** store keeps something in the browser, if it keeps anything. */
export const store = (name: string, value: string): void => {
  try {
    localStorage.setItem(name, value);
  } catch {
    // it keeps nothing
  }
};
