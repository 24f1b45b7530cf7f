"""The ways beside mail by which an alert leaves the house: webhooks and chat, and the guard before both."""
