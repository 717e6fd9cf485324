"""Every sale from the card to the merchant's account, and why its money is late."""
