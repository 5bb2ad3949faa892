# A file as a string of C.
s/\\/&&/g
s/"/\\&/g
s/^.*$/"&\\n"/
