"""Sites that exist as numbers only: observations of simulated people, with exact truth, to measure association on."""
