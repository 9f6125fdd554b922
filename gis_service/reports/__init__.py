"""Forms of a superior office (报表), filled with figures that each know the question behind them."""
