# gets: The message at h2 comes from right
def answer(lab, ev):
    other = {"left": "right", "right": "left"}[lab.value("boss")]
    return {"dst": "01:80:c2:00:00:00", "sap": "42", "who": other}
