package pb

// Add joins what others have counted: the shortest of all times among those that counted anything, the longest, the
// sum.
func (c *Count) Add(n *Count) {
	if n.GetCount() == 0 {
		return
	}
	if c.Count == 0 || n.MinMs < c.MinMs {
		c.MinMs = n.MinMs
	}
	c.Count += n.Count
	c.MaxMs = max(c.MaxMs, n.MaxMs)
	c.TotalMs += n.TotalMs
}
