"""The starter data set: readable tables of facts and sentences, and the script that turns them into rows."""
