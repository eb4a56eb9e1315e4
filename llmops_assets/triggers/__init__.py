"""What starts runs by itself: new data, version tags, drift, ratings, and the calendar. Plain Python; the sensors are in defs."""
